"""What a trained model must stand beside, on the same split."""
