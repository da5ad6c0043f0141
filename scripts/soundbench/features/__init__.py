"""Features of audio: front-ends, and arrays of the features of all clips."""
