"""The contract of the demo platforms: asked the same, they answer as the real servers do."""
