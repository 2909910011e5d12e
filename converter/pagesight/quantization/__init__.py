"""How a graph's weights are stored in fewer bits: layers, calibration, rounding, and the plans built from them."""
