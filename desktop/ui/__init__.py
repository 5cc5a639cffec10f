"""Qt parts that know values but nothing of trading."""
