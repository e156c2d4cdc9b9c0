"""From YAML and overrides to a `Project`: composition (Hydra), schema, validation."""
