"""The one door: every read and write names its caller and asks here first."""
