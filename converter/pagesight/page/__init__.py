"""What a bundle's page is rendered and packed from."""
