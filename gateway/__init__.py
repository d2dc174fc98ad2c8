"""inapp-gateway: real-time push of in-app messages to the people who are in the app now."""

__version__ = "0.1.0"
