"""Any agency's CSV, read by a declarative mapping in TOML (docs/adapters/csv_mapping.md)."""
