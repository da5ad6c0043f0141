"""What every stage uses: errors, files, logs, devices, digests."""
