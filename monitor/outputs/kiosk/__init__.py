"""The kiosk: one window that tells a visitor at a glance whether to come in."""
