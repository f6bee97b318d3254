"""Which layouts serve a demand with the fewest GPUs, or give the most weighted throughput: from what was measured."""
