"""The kiosk: one window that shows visitors whether they may enter."""
