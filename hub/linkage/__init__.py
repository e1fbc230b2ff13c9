"""Deciding, reversibly, which source records are one person. Decisions are events with causes."""
