"""The hub over HTTP: routes that say in JSON what `hub.services` answers. Nothing else imports a web framework."""
