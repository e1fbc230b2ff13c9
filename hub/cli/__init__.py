"""The command line `tellonce`: a module for each area; everything goes through the operations of a hub."""

from hub.cli.app import main as main
