"""CronJobs: a Job each time the schedule says so."""
