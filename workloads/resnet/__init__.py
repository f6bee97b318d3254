"""ResNet (arXiv 1512.03385), the field's yardstick for the throughput of convolutional networks."""
