"""The search for a training's options: what may vary, the trials that several processes share, and one trial."""
