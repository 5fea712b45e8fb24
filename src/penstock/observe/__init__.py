"""What people see of a running server: log set-up, access log, start-up lines."""
