"""Telling people and programs that something happened: channels, what is sent to them, and where it may be sent."""
