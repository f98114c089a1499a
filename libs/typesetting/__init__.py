"""Documents that a person can read: fonts, styles and pages that every service sets its documents with."""
