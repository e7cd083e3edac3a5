"""Claims and volumes that are in use outlive a delete until they are not."""
