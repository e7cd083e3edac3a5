"""PersistentVolumeClaims and PersistentVolumes: binding, making, giving back."""
