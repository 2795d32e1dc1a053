"""The data doctor: what would falsify or spoil a result."""
