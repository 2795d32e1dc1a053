"""Pictures: found beside their table, bounded before they are decoded."""
