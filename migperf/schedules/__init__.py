"""What a schedule is: its document, when it fires, and what is done with a firing that is late or overlaps. Pure."""
