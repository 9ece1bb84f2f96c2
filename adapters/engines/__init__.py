"""Where models run: in this process, or behind an endpoint. A judge is handed an engine and knows no more of it."""
