"""Admission: what may change or refuse a write after authorization. One file per plugin."""
