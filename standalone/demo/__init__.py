"""The demonstration: 1,000 real applications through the whole life of a loan, over HTTP as a front end would."""
