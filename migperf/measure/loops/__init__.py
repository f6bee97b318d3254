"""How work is driven: closed loops, open loops, their timers, and the rules that end their phases."""
