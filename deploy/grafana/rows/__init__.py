"""What the dashboard shows, row by row: declarations, in the words of `deploy.grafana.panels`."""
