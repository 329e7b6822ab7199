"""What people write by hand to carry bookings into a CRM: one booking at a time.

Each module has `carrier(url, token)`: a function that carries one booking by looking the person
up, creating or updating them, and creating the activity, as the vendor's quick starts and the
usual client's manual show it. None remembers anything, none knows of batches.
`python -m bench.scripts CRM URL --bookings N --threads T` runs one and tells how long it took.
"""
