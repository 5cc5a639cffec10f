"""What tests stand on: captures, drivers, joined codecs, Qt helpers."""
