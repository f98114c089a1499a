"""The HTTP chassis that every service stands on: settings, authentication, problems, strict bodies, telemetry."""
