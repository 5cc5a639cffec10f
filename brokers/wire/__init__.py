"""Pure helpers shared by codecs: reading bytes, reading decoded JSON, pacing arithmetic."""
