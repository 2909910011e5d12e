"""Fine-tuning a backbone: network, augmentation, loop, checkpoints, cross-validation."""
