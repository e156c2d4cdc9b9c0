"""From a project to what will be requested: identity, capability checks, price. Pure."""
