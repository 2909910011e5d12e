"""What people read at the command line, and the pages that its commands write."""
