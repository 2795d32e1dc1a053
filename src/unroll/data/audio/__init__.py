"""Sound: files of recordings, resampling, and log-mel features."""
