"""Who may do what: scopes, and the form of API keys. Pure; keys are stored by ``migperf.store.keys``."""
