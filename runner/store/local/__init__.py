"""What a store keeps as plain files below `.runner/` of an outputs root."""
