"""What people drop in the inbox, and the receipts they get."""
