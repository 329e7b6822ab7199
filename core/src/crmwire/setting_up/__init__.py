"""What a data folder is set up with: feeds, connections and routes."""
