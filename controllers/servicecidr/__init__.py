"""Ranges of service addresses (ServiceCIDR), and an IPAddress object for each address in use."""
