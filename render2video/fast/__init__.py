"""The `fast` generator: a small U-Net that finishes the layered picture, in real time on two cores."""
