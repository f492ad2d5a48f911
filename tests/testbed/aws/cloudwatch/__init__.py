"""CloudWatch: what AWS's services and the functions' logs emit, and the template's alarms over it."""
