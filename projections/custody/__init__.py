"""What may not be shown or not be erased, and what was erased: restrictions, holds, erasures, retention, redaction."""
