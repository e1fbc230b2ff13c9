"""What happens to people in the borough, told to whichever desk is concerned."""
