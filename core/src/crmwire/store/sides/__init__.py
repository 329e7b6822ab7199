"""The methods of `Store`, by who calls them; thin, over the modules that hold the SQL."""
