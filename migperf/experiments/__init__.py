"""What an experiment is: its file, the cells that it stands for, their groups of runs, the order and the plan. Pure."""
