"""What an experiment comes to: its runs, values over repeats, slowdowns, scaling, and reports of all that."""
