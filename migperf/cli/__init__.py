"""The command line: measures here and now, talks to a service, and starts the processes of one."""
